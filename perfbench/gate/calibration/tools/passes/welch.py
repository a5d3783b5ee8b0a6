"""The p-value of Welch's t-test between two exports of hyperfine: what hyperfine's own ``scripts/welch_ttest.py`` judges by."""

import json
import sys

from scipy import stats

times = []
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        times.append(json.load(file)["results"][0]["times"])
print(stats.ttest_ind(*times, equal_var=False).pvalue)
