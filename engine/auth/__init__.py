"""Who may do what: keys and certificates, who a request comes from, roles, tokens, signing requests."""
