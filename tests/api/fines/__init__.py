"""The API of fine payments."""
