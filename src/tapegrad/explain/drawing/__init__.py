"""Pictures of a graph: what they show, where it lies, and the formats."""
