"""What every route is made with: fields, errors, headers, lists, waiting."""
