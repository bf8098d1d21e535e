"""Nobody else's configuration of logging silences the log; what a person says of our loggers by name counts."""

import logging
import logging.config
import os

import pytest


@pytest.mark.parametrize("moment", ["before the import", "before the set-up", "after the set-up"])
@pytest.mark.parametrize("disable", [True, False])
@pytest.mark.parametrize("way", ["dictConfig", "incremental dictConfig", "fileConfig"])
def test_a_configuration_that_does_not_name_us_leaves_us_alone(programs, moment, way, disable):
    programs.run(
        f"""
        import io, logging, logging.config

        def configure():
            if "{way}" != "fileConfig":
                incremental = "{way}" == "incremental dictConfig"
                stream = {{"class": "logging.StreamHandler", "level": "ERROR"}}
                logging.config.dictConfig(
                    {{
                        "version": 1,
                        "incremental": incremental,
                        "disable_existing_loggers": {disable},
                        "handlers": {{}} if incremental else {{"stream": stream}},
                        "root": {{"level": "CRITICAL"}},
                        "loggers": {{"other": {{"level": "INFO"}}, "chaiNNerX": {{"level": "ERROR"}}}},
                    }}
                )
            else:
                sections = ["[loggers]", "keys=root", "[handlers]", "keys=", "[formatters]", "keys="]
                file = io.StringIO("\\n".join([*sections, "[logger_root]", "level=CRITICAL", "handlers="]))
                logging.config.fileConfig(file, disable_existing_loggers={disable})

        moment = "{moment}"
        of_others = [logging.getLogger(name) for name in ("chaiNNer.host.nodes", "chaiNNer.elsewhere")]
        if moment == "before the import":
            configure()
        from chainner_logger import logger, setup_logger
        early_child = logger.getChild("early")
        if moment == "before the set-up":
            configure()
            logger.info("early")
            early_child.info("early child")
            logging.getLogger("chaiNNer.host").info("early by name")
        host = setup_logger("host")
        child = host.getChild("child")
        if moment == "after the set-up":
            configure()
        everybody = [host, logger, child, early_child, logging.getLogger("chaiNNer.host.new")]
        if moment != "before the import":
            everybody += of_others
        for each in everybody:
            each.info("record of %s", each.name)
            assert not each.disabled
        assert setup_logger("host") is host
        host.info("after another set-up")
        """
    )
    expected = ["host", "host", "host.child", "host.early", "host.new", "host.nodes", "elsewhere"]
    if moment == "before the import":
        expected = expected[:-2]
    written = [f"record of chaiNNer.{name}" for name in expected]
    early = ["early", "early child", "early by name"] if moment == "before the set-up" else []
    assert programs.texts("host") == [*early, *written, "after another set-up"]


def test_what_a_person_says_of_our_loggers_by_name_counts(worker, written):
    file, console = worker.handlers
    quiet = worker.getChild("quiet")
    quiet.disabled = True
    worker.disabled = True
    logging.config.dictConfig({"version": 1})
    worker.info("no")
    quiet.info("no")
    worker.disabled = False

    configuration = {"version": 1, "loggers": {"chaiNNer.worker": {"level": "ERROR"}}}
    logging.config.dictConfig({**configuration, "incremental": True})
    worker.warning("no")
    worker.setLevel(logging.INFO)
    logging.config.dictConfig(configuration)
    worker.warning("no")
    worker.error("one")
    assert worker.handlers == [file, console]  # it was given none instead

    kept = []
    handler = {"()": lambda: type("Kept", (logging.Handler,), {"emit": lambda self, record: kept.append(record.msg)})()}
    named = {"chaiNNer.worker": {"level": "INFO", "handlers": ["kept"]}}
    logging.config.dictConfig({"version": 1, "handlers": {"kept": handler}, "loggers": named})
    worker.info("to the handler that was named alone")
    assert kept == ["to the handler that was named alone"]

    worker.handlers[:] = [file, console]
    logging.disable(logging.ERROR)
    worker.error("no")
    logging.disable(logging.NOTSET)
    quiet.disabled = False
    quiet.info("two")
    assert [each.text for each in written()] == ["one", "two"]


@pytest.mark.parametrize("name", ["chaiNNer", "chaiNNer.host"])
def test_a_configuration_that_names_us_before_the_set_up_costs_no_record(programs, name):
    programs.run(
        f"""
        import logging.config
        from chainner_logger import logger, setup_logger
        logger.info("one")
        logging.config.dictConfig({{"version": 1, "loggers": {{"{name}": {{"level": "DEBUG", "handlers": []}}}}}})
        logger.info("two")
        setup_logger("host")
        logger.info("three")
        logging.config.dictConfig({{"version": 1, "loggers": {{"{name}": {{"level": "DEBUG"}}}}}})
        logger.debug("four")
        """
    )
    assert programs.texts("host") == ["one", "two", "three", "four"]


def test_set_up_leaves_a_logger_that_logs(programs):
    programs.run(
        """
        import logging
        from chainner_logger import logger, setup_logger
        worker = setup_logger("worker")
        for each in worker, logger:
            each.disabled = True
        worker.handlers.clear()
        logging.root.manager.loggerDict.clear()
        assert setup_logger("worker") is worker is logging.getLogger("chaiNNer.worker")
        worker.info("one")
        logger.info("two")
        worker.getChild("child").info("three")
        """
    )
    assert programs.texts() == ["one", "two", "three"]


def test_what_others_do_to_all_of_logging_costs_no_record(programs):
    programs.run(
        """
        import logging, sys
        from chainner_logger import logger, setup_logger
        logger.info("early")
        logging.shutdown()

        class OtherLogger(logging.Logger):
            def say(self):
                self.info("by %s", self.name)

        logging.setLoggerClass(OtherLogger)
        worker = setup_logger("worker")
        for each in worker, logger, logger.getChild("one"):
            each.getChild("child").say()
        logging.basicConfig(force=True, level=logging.CRITICAL, stream=sys.stdout)
        logging._handlers.clear()
        logging._handlerList.clear()
        logging.raiseExceptions = False
        logging.lastResort = None
        worker.info("one")
        logging.root.manager.loggerDict.clear()
        worker.debug("no")
        worker.setLevel(logging.DEBUG)
        worker.debug("two")
        logging.shutdown()
        logger.info("three")
        """
    )
    by_children = [f"by chaiNNer.worker.{name}" for name in ("child", "child", "one.child")]
    assert programs.texts() == ["early", *by_children, "one", "two", "three"]


def test_a_configuration_beside_a_set_up_and_early_records_hangs_nobody(programs):
    """One holds the lock of the standard library while it closes handlers and its own code logs."""
    programs.run(
        """
        import faulthandler, logging, logging.config, threading
        from chainner_logger import get_logger, logger, setup_logger
        faulthandler.dump_traceback_later(60, exit=True)

        class Talkative(logging.Handler):
            def __init__(self):
                super().__init__()
                logger.info("made")
                logger.getChild("child").info("made")

            def emit(self, record):
                pass

        def configure():
            for _ in range(200):
                handlers = {"talkative": {"class": "__main__.Talkative"}}
                logging.config.dictConfig({"version": 1, "handlers": handlers})

        def set_up():
            for number in range(200):
                setup_logger("worker") if number % 2 else get_logger("worker")

        threads = [threading.Thread(target=each) for each in (configure, set_up)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        """
    )
    assert programs.texts().count("made") == 400


frameworks = {
    "uvicorn": """
        import uvicorn
        async def app(scope, receive, send): pass
        def configure():
            uvicorn.Config(app).configure_logging()
        """,
    "sanic": """
        from sanic import Sanic
        names = iter("abc")
        def configure():
            Sanic(f"chaiNNer_{next(names)}", configure_logging=True)
            import logging.config
            from sanic.log import LOGGING_CONFIG_DEFAULTS
            logging.config.dictConfig({**LOGGING_CONFIG_DEFAULTS, "disable_existing_loggers": True})  # as it once did
        """,
    "django": """
        import django
        from django.conf import settings
        settings.configure(LOGGING={"version": 1, "handlers": {"null": {"class": "logging.NullHandler"}},
                                    "root": {"handlers": ["null"], "level": "WARNING"}})
        configure = django.setup
        """,
}


@pytest.mark.parametrize("is_early", [True, False])
@pytest.mark.parametrize("framework", frameworks)
def test_frameworks_that_configure_logging_silence_nothing(programs, frameworks_folder, framework, is_early):
    paths = [programs.environment.get("PYTHONPATH", ""), str(frameworks_folder)]
    programs.environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    code = frameworks[framework].replace("\n        ", "\n") + f"""
from chainner_logger import logger, setup_logger
child = logger.getChild("nodes")
logger.info("early")
if {is_early}:
    configure()
    logger.info("still early")
host = setup_logger("host")
if not {is_early}:
    configure()
    logger.info("after the framework")
for each in host, logger, child, host.getChild("child"):
    each.info("record of %s", each.name)
"""
    programs.environment["CHAINNER_PROCESS_TYPE"] = "host"  # set up by itself where a framework takes its time
    programs.run(code)
    moment = "still early" if is_early else "after the framework"
    names = ["host", "host", "host.nodes", "host.child"]
    assert programs.texts("host") == ["early", moment, *(f"record of chaiNNer.{name}" for name in names)]
