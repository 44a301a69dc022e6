"""How each kind is shown, as declared data: columns, faults, tabs, what enter opens."""
