"""Night after night: what is measured, how it is kept, and which changes count."""
