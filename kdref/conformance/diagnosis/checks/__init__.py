"""What a formula does not show."""
