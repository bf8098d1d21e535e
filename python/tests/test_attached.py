"""Loggers of others come into the log, and stay there."""

import io
import logging
import logging.config

import pytest


def test_in_the_place_of_basic_config_no_record_is_lost(programs):
    programs.run(
        """
        import logging
        from chainner_logger import attach, setup_logger
        setup_logger("worker", log_level=logging.INFO)
        attach("")
        module = logging.getLogger("some.module")
        module.info("as with basicConfig(level=INFO)")
        module.debug("too detailed")
        """
    )
    assert programs.texts() == ["as with basicConfig(level=INFO)"]


def test_the_root_logger_goes_with_the_level_of_the_log_unless_somebody_gives_it_another(programs):
    programs.run(
        """
        import logging
        from chainner_logger import attach, logger, setup_logger
        attach("")
        assert logging.root.level == logging.DEBUG  # all is kept
        setup_logger("worker")
        assert logging.root.level == logging.INFO
        logger.setLevel(logging.DEBUG)
        logging.getLogger("module").debug("in detail")
        logger.getChild("child").setLevel(logging.ERROR)
        assert logging.root.level == logging.DEBUG
        logging.root.setLevel(logging.ERROR)
        logger.setLevel(logging.INFO)
        logging.getLogger("module").info("no")
        logging.getLogger("module").error("yes")
        """
    )
    assert programs.texts() == ["in detail", "yes"]


def test_a_level_that_somebody_has_given_stays(programs):
    programs.run(
        """
        import logging
        from chainner_logger import attach, setup_logger
        logging.root.setLevel(logging.ERROR)
        logging.getLogger("framework").setLevel(logging.WARNING)
        setup_logger("worker")
        attach("", "framework")
        for name in "module", "framework":
            logging.getLogger(name).info("no")
            logging.getLogger(name).error("yes")
        """
    )
    assert programs.texts() == ["yes", "yes"]


@pytest.mark.parametrize("name", ["module", "framework", "framework.part"])
@pytest.mark.parametrize("others", ["", "logger", "logger, logging.getLogger('framework')"])
@pytest.mark.parametrize("propagate", [True, False])
def test_each_handler_gets_a_record_once(programs, name, others, propagate):
    """As pytest from 9.2 on hangs one handler into each logger whose records do not reach the root's."""
    programs.run(
        f"""
        import logging
        from chainner_logger import attach, logger, setup_logger

        seen = []
        other = logging.Handler()
        other.emit = seen.append
        setup_logger("worker")
        attach("", "framework")
        logger.propagate = {propagate}
        for each in [logging.root, {others}]:
            each.addHandler(other)
        logging.getLogger("{name}").warning("once")
        reaches_other = {name == "module" or propagate or "logger" in others}
        assert [each.getMessage() for each in seen] == ["once"] * reaches_other, seen
        """
    )
    assert programs.texts() == ["once"]


def test_what_is_attached_stays_so_though_somebody_forces_a_basic_configuration(programs):
    shown = programs.run(
        """
        import logging
        from chainner_logger import attach, setup_logger

        setup_logger("worker")
        attach("")
        logging.basicConfig(level=logging.DEBUG, force=True)
        logging.getLogger("module").info("in the log")
        assert logging.root.level == logging.DEBUG
        """
    )
    assert programs.texts() == ["in the log"] and "INFO:module" not in shown


@pytest.mark.parametrize("disable", [True, False])
@pytest.mark.parametrize("way", ["dictConfig", "fileConfig"])
def test_what_is_attached_stays_attached(programs, way, disable):
    output = programs.run(
        f"""
        import io, logging, logging.config
        from chainner_logger import attach, setup_logger
        setup_logger("worker")
        attach("", "framework", "framework.access")
        child = logging.getLogger("framework.child")
        if "{way}" == "dictConfig":
            console = {{"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}}
            logging.config.dictConfig({{
                "version": 1,
                "disable_existing_loggers": {disable},
                "handlers": {{"console": console}},
                "root": {{"handlers": ["console"], "level": "INFO"}},
                "loggers": {{
                    "framework": {{"handlers": ["console"], "level": "INFO", "propagate": True}},
                    "framework.error": {{"level": "INFO"}},
                }},
            }})
        else:
            sections = [
                "[loggers]", "keys=root,framework", "[handlers]", "keys=console", "[formatters]", "keys=",
                "[handler_console]", "class=StreamHandler", "args=(sys.stdout,)",
                "[logger_root]", "level=INFO", "handlers=console",
                "[logger_framework]", "level=INFO", "handlers=console", "qualname=framework",
            ]
            file = io.StringIO("\\n".join(sections))
            logging.config.fileConfig(file, disable_existing_loggers={disable})
        for name in "", "framework", "framework.access", "framework.child", "framework.error":
            logging.getLogger(name).info("by %r", name)
        """
    )
    names = ["", "framework", "framework.access", "framework.child", "framework.error"]
    assert programs.texts() == [f"by {name!r}" for name in names]
    for name in names:
        assert output.count(f"by {name!r}\n") == 1


@pytest.mark.parametrize("attached", ["", "service"])
@pytest.mark.parametrize("way", ["dictConfig", "fileConfig"])
def test_a_configuration_silences_no_logger_below_an_attached_one(programs, way, attached):
    programs.run(
        f"""
        import io, logging, logging.config
        from chainner_logger import attach, setup_logger
        setup_logger("worker")
        attach("{attached}")
        module = logging.getLogger("service.database")
        if "{way}" == "dictConfig":
            logging.config.dictConfig({{"version": 1}})
        else:
            sections = "[loggers]", "keys=root", "[handlers]", "keys=", "[formatters]", "keys=", "[logger_root]", "handlers="
            logging.config.fileConfig(io.StringIO("\\n".join(sections)))
        module.error("goes on")
        """
    )
    assert programs.texts() == ["goes on"]


def test_handlers_of_the_program_that_are_no_console_stay(worker, written):
    import chainner_logger

    other = logging.getLogger("with_a_handler")
    stream = io.StringIO()
    kept = logging.StreamHandler(stream)
    other.addHandler(kept)
    chainner_logger.attach("with_a_handler")
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})
    other.error("for both")
    assert stream.getvalue() == "for both\n"
    assert [each.text for each in written()] == ["for both"]


def test_a_logger_of_ours_among_those_to_attach_stays_as_it_is(worker, written):
    import chainner_logger

    chainner_logger.attach("chaiNNer.worker", "named_after_ours")
    for name in "chaiNNer.worker", "named_after_ours":
        logging.getLogger(name).warning("by %s", name)
    assert [each.text for each in written()] == ["by chaiNNer.worker", "by named_after_ours"]


def test_a_filter_of_the_log_rejects_and_changes_what_others_log(worker, written):
    import chainner_logger

    other = logging.getLogger("filtered_by_ours")
    chainner_logger.attach("filtered_by_ours")

    def change(record):
        record.msg = record.msg.replace("secret", "***")
        return "reject" not in record.msg

    worker.addFilter(change)
    other.warning("the secret")
    other.warning("reject this")
    assert [each.text for each in written()] == ["the ***"]


def test_a_record_that_says_all_by_its_attributes_is_told_by_them(worker, written):
    """As those of Sanic are that tell of a request."""
    import chainner_logger

    other = logging.getLogger("with_attributes")
    chainner_logger.attach("with_attributes")
    other.warning("", extra={"status": 404, "byte": "12 %"})
    other.warning("with a message", extra={"status": 404})
    assert [each.text for each in written()] == ["status: 404, byte: 12 %", "with a message"]
