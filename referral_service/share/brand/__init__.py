"""What pages show of a program's branding, as files of their own."""
