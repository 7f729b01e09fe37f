"""Running encoders: batches, placement in processes, devices, loaded sessions."""
