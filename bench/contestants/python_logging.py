#!/usr/bin/env python3
"""Python's logging as chaiNNer sets it up today. Takes the arguments of the other contestants, see main.cpp."""

import json
import logging
import logging.handlers
import os
import sys
import threading
import time

SECONDS = 0.1
FIRST_NUMBER = 10_000_000

logger = logging.getLogger("chaiNNer.worker")


def set_up(directory, to_console, max_file_size):
    logger.setLevel(logging.INFO)
    logger.propagate = False
    file = logging.handlers.RotatingFileHandler(
        os.path.join(directory, "worker.log"), maxBytes=max_file_size, backupCount=5, encoding="utf-8"
    )
    file.setFormatter(
        logging.Formatter(
            "%(asctime)s.%(msecs)03d [%(process)d] [%(levelname)s] %(message)s", datefmt="%Y-%m-%d %H:%M:%S"
        )
    )
    logger.addHandler(file)
    if to_console:
        console = logging.StreamHandler()
        console.setFormatter(
            logging.Formatter("[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s", datefmt="%H:%M:%S")
        )
        logger.addHandler(console)


def log_records(count, text):
    for number in range(FIRST_NUMBER, FIRST_NUMBER + count):
        logger.info("tile %d: %s", number, text)


def log_disabled_records(count, text):
    for number in range(FIRST_NUMBER, FIRST_NUMBER + count):
        logger.debug("tile %d: %s", number, text)


def time_of(work, count, text, threads=1):
    """Nanoseconds for each record, by both clocks: the calling thread's own, and the wall's."""
    helpers = [threading.Thread(target=work, args=(count // threads, text)) for _ in range(threads - 1)]
    cpu, real = time.thread_time_ns(), time.perf_counter_ns()
    for helper in helpers:
        helper.start()
    work(count // threads, text)
    cpu = time.thread_time_ns() - cpu
    for helper in helpers:
        helper.join()
    real = time.perf_counter_ns() - real
    return {"cpu_time": cpu / (count // threads), "real_time": real / (count // threads * threads)}


def latency(count, text):
    each = []
    for number in range(FIRST_NUMBER, FIRST_NUMBER + count):
        began = time.perf_counter_ns()
        logger.info("tile %d: %s", number, text)
        each.append(time.perf_counter_ns() - began)
    each.sort()
    shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1}
    return {"rotation": each[-11], **{name: each[int(share * (count - 1))] for name, share in shares.items()}}


def main(set_up=set_up):
    """`set_up` prepares the logger of that name for a folder, with or without the console."""
    what, directory = sys.argv[1:3]
    values = {"message": 50, "threads": 1, "count": 1, "console": 0}
    values.update((key, int(value)) for key, _, value in (each.partition("=") for each in sys.argv[3:]))
    text = "x" * (values["message"] - len(f"tile {FIRST_NUMBER}: "))
    set_up(directory, values["console"] != 0, 1024 * 1024 if what == "latency" else 10 * 1024 * 1024)
    if what == "records":
        log_records(values["count"], text)
        return
    log_records(min(2000, 4 * 1024 * 1024 // len(text)), text)
    if what == "latency":
        figures = latency(250_000, text)
    else:
        work = log_disabled_records if what == "disabled" else log_records
        trial = time_of(work, 100, text)["real_time"]
        count = max(int(SECONDS * 1e9 / trial), 10 * values["threads"])
        figures = time_of(work, count, text, values["threads"])
    print(json.dumps({"benchmarks": [figures]}))


if __name__ == "__main__":
    main()
