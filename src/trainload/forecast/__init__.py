"""Training power by year with odds, from dated runs; scored on rolling origins beside naive baselines."""
