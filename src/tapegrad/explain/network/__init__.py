"""What a network does in one pass: the record of its operations, its graph, its costs, its table."""
