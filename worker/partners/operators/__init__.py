"""Mobile-money operators: what all of them do, and a file for each dialect that they speak."""
