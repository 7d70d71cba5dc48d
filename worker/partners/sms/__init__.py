"""Senders of SMS: what all of them do, and a file for each gateway."""
