"""How requests come in before Flask sees them: from the server's event loop, through the gate, or not at all."""
