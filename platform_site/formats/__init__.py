"""How the operator admin writes moments: as the web client does, so that the two can be laid side by side."""
