"""Laps of a peer in Python: as many processes as its documentation deploys, with threads for the other callers.

The benchmark writes a line "CALLERS SECONDS" for each lap, and reads a line "CALLS SECONDS".
"""

import multiprocessing
import os
import sys
import threading
import time

# The recommendation of gunicorn's documentation: twice the number of cores, plus one.
PROCESSES = 2 * (os.cpu_count() or 1) + 1


def serve(prepare):
    """Does the laps that standard input asks for. `prepare()` is called in each process, and answers a function that does
    the call with a number, and raises where the answer is not "yes"."""
    print("ready", flush=True)
    for line in sys.stdin:
        callers, seconds = line.split()
        print(*lap(prepare, int(callers), float(seconds)), flush=True)


def lap(prepare, callers, seconds):
    fork = multiprocessing.get_context("fork")
    processes = min(callers, PROCESSES)
    start, counts = fork.Barrier(processes + 1), fork.SimpleQueue()
    shares = [callers // processes + (number < callers % processes) for number in range(processes)]
    workers = []
    for number, share in enumerate(shares):
        worker = fork.Process(target=work, args=(prepare, number, share, seconds, start, counts))
        worker.start()
        workers.append(worker)
    start.wait(60)
    began = time.monotonic()
    calls = sum(counts.get() for _ in workers)
    elapsed = time.monotonic() - began
    for worker in workers:
        worker.join()
    return calls, elapsed


def work(prepare, number, callers, seconds, start, counts):
    call = prepare()
    first = number * 7919
    # Every caller has its connection before the start.
    ready = threading.Barrier(callers + 1)
    go = threading.Event()
    done = [0] * callers

    def caller(which):
        call(first + which)
        ready.wait(60)
        go.wait()
        until = time.monotonic() + seconds
        at = first + which * 104729
        while time.monotonic() < until:
            call(at + done[which])
            done[which] += 1

    threads = [threading.Thread(target=caller, args=(which,)) for which in range(callers)]
    for thread in threads:
        thread.start()
    ready.wait(60)
    start.wait(60)
    go.set()
    for thread in threads:
        thread.join()
    counts.put(sum(done))
