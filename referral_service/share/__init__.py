"""What customers see: the invite page, the share page, pictures, and the scripts for an app's own site."""
