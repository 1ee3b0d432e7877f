"""What the models of this plan share."""
