"""Who may use the product: users, sign-in, sessions, keys, and credentials for elsewhere."""
