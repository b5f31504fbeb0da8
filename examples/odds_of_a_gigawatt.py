"""How likely is a training run of one gigawatt, and how sure are the odds?

A run and a campus are different targets, and two models answer: the distance between them is part of the answer.
"""

from trainload.forecast.forecast import forecast_power
from trainload.scenario.file import load_scenario

scenario = load_scenario("gigawatt").scenario
forecast = forecast_power(scenario, n_draws=1024)

print(f"As known on {forecast.as_of}; MW are {forecast.basis}.")
for target in ("record_run", "largest_campus"):
    rows = forecast.table[(forecast.table.target == target) & forecast.table.p_ge_1gw.notna()]
    print(f"\n{target}, by 31 December: odds of 1 GW and of 5 GW")
    for year, both in rows.groupby("year"):
        odds = {row.model: f"{row.p_ge_1gw:4.0%} {row.p_ge_5gw:4.0%}" for row in both.itertuples()}
        print(f"  {year:.0f}  " + "   ".join(f"{model}: {text}" for model, text in odds.items()))

# one row of the draws is one consistent future: compute, power, length and campus belong together
draws = forecast.draws
last = len(draws.years) - 1
share = draws.record_mw[:, last] / draws.campus_mw[:, last]
print(f"\nIn {draws.years[last]} the record run takes {share.mean():.0%} of the largest campus, on average over draws.")
