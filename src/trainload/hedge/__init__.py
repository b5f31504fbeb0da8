"""Orders under uncertain lead times: what is cheapest to order before they are known, and what knowing is worth."""
