"""What one side gets: grant, release, void, claw back, restore."""
