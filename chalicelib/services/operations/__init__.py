"""What operators do: look at the runs of all users, mend what is stuck."""
