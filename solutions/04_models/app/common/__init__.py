"""What several domain modules share."""
