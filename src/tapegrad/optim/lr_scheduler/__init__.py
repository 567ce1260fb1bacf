"""Learning-rate schedules: torch.optim.lr_scheduler's names."""
