"""What the commands do: read arguments, call one stage or the study, print. No figure is computed here."""
