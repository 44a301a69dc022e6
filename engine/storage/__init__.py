"""What claims, volumes and storage classes say: for the volume controllers, the scheduler and the CSI driver."""
