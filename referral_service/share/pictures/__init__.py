"""Pictures that are drawn: the preview of an invitation, and QR codes."""
