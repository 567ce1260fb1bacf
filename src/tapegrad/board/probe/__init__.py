"""Looking into a run's network: it is built again from recipe and checkpoint, in a process of its own."""
