"""What to try against each fault: as a line of YAML for a recipe, and as a line of Python for a script."""
