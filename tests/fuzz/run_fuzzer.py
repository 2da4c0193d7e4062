#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Fuzz one target: run_fuzzer.py FUZZER NAME BUILD-DIR SOURCE-DIR SECONDS.

Starts from the seeds (BUILD-DIR/seeds/NAME), the findings of the past (SOURCE-DIR/findings/NAME) and what earlier runs
have collected (BUILD-DIR/corpus/NAME, which grows). An input that fails is left in BUILD-DIR/artifacts/NAME: mend what it
shows, and keep the input among the findings. TINYNET_SOAK_SECONDS takes the place of SECONDS above a minute.
Shorter runs, which are everyday tests, collect nothing and draw the same mutations each time, as many as they get to."""
import os
import re
import shutil
import subprocess
import sys
import time

fuzzer, name, build, source, seconds = sys.argv[1:6]
soaks = int(seconds) > 60
if soaks:
    seconds = os.environ.get("TINYNET_SOAK_SECONDS", seconds)
LENGTHS = {"checkpoint": 8192, "calls": 1024}

places = [os.path.join(build, "corpus" if soaks else "corpus-of-short-runs", name),
          os.path.join(build, "artifacts", name) + os.sep]
if not soaks:
    shutil.rmtree(places[0], ignore_errors=True)
for place in places:
    os.makedirs(place, exist_ok=True)
inputs = [place for place in (os.path.join(build, "seeds", name), os.path.join(source, "findings", name))
          if os.path.isdir(place)]
command = [fuzzer, places[0], *inputs, f"-artifact_prefix={places[1]}", f"-dict={os.path.join(source, 'fuzz.dict')}",
           f"-max_total_time={seconds}", f"-max_len={LENGTHS.get(name, 4096)}", "-timeout=120", "-rss_limit_mb=2500",
           "-print_final_stats=1", "-verbosity=1", f"-seed={0 if soaks else 1}"]
start = time.monotonic()
result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
took = time.monotonic() - start
lines = result.stdout.splitlines()
if result.returncode != 0:
    print("\n".join(lines[-80:]))
executions = re.findall(r"stat::number_of_executed_units: *(\d+)", result.stdout)
print(f"{name}: {executions[0] if executions else 'no'} executions in {took:.0f} s, "
      f"{len(os.listdir(places[0]))} inputs in the corpus, exit status {result.returncode}")
sys.exit(0 if result.returncode == 0 and executions else 1)
