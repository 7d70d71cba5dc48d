"""What people read: outcomes of operations, in their language."""
