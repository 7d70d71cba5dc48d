"""The menus, one file a flow."""
