"""The simulated cloud: `provider` answers the cloud controllers from what Cloud and Machine objects declare, `machines`
runs the machines, `load_balancers` and `routes` make objects that stand for what a cloud would have."""
