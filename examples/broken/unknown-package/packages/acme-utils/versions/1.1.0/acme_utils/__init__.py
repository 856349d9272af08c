"""What all projects of acme share."""
