"""chaiNNer's code goes on as it is."""

import inspect
import logging
import pickle
import re
from pathlib import Path

import pytest

import chainner_logger
from conftest import is_windows, read_role


def test_the_drop_in_has_all_names_of_chainners_own(tmp_path, monkeypatch):
    (tmp_path / "logger.py").write_text("from chainner_logger.drop_in import *\n")
    monkeypatch.syspath_prepend(tmp_path)
    import logger

    signature = inspect.signature(logger.setup_logger)
    expected = ["process_type", "log_dir", "log_level", "dev_mode"]
    assert list(signature.parameters)[:4] == expected
    assert [signature.parameters[name].default for name in expected[1:]] == [None, logging.INFO, False]
    names = "get_logger", "get_logger_from_env", "setup_logger", "logger", "ColoredFormatter", "ProcessType"
    for name in (*names, "attach", "describe_exit"):
        assert getattr(logger, name) is getattr(chainner_logger, name)


def test_chainners_own_logger_and_ours_go_on_in_each_others_files(programs):
    ours = """
        from chainner_logger import setup_logger
        setup_logger("worker").info("ours")
    """
    # The handler of its logger.py.
    its_own = """
        import logging, logging.handlers, sys
        handler = logging.handlers.RotatingFileHandler(sys.argv[1], maxBytes=10 * 1024 * 1024, backupCount=5, encoding="utf-8")
        format = "%(asctime)s.%(msecs)03d [%(process)d] [%(levelname)s] %(message)s"
        handler.setFormatter(logging.Formatter(format, datefmt="%Y-%m-%d %H:%M:%S"))
        logging.getLogger().addHandler(handler)
        logging.error("its own")
    """
    for each in ours, its_own, ours:
        programs.run(each, programs.logs / "worker.log")
    assert programs.texts() == ["ours", "its own", "ours"]


def test_set_up_takes_what_the_library_does_by_the_same_names():
    header = Path(__file__).parents[2] / "include" / "chainner" / "logger.hpp"
    if not header.exists():
        pytest.skip("the library's header is in the repository alone")
    struct = header.read_text().partition("struct logger_options {")[2].partition("\n};")[0]
    names = re.findall(r"^    [\w:<>]+ (\w+)(?: = .*)?;", struct, re.MULTILINE)
    assert "application_version" in names and "color" in names
    assert set(names) <= set(inspect.signature(chainner_logger.setup_logger).parameters)


def test_the_options_have_the_effect_that_they_have_in_the_library(programs):
    output = programs.run(
        """
        import logging
        from chainner_logger import setup_logger
        logger = setup_logger(
            "worker",
            level="DEBUG",
            max_file_size=2000,
            max_files=1,
            file_pattern="%Y-%m-%d %H:%M:%S.%e [%P] [%l] %n: %v",
            console_pattern="<%^%l%$> %v",
            application_version="1.2.3",
            color="always",
        )
        file = logger.handlers[0]
        for number in range(100):
            logger.debug("record %d", number)
        file.setFormatter(logging.Formatter("%(asctime)s|%(message)s"))
        file.setFormatter(None)
        logger.getChild("nodes").error("of a child")
        assert len(setup_logger("worker", to_console=False).handlers) == 1
        logger.info("in the file")
        assert len(setup_logger("worker", to_file=False).handlers) == 1
        logger.info("on the console")
        """
    )
    assert "<\x1b[36mDEBUG\x1b[0m> record 99" in output and "on the console" in output and "in the file" not in output
    log = "".join((programs.logs / name).read_text() for name in ("worker.1.log", "worker.log"))
    assert "[DEBUG] chaiNNer.worker: record 99\n" in log and "[ERROR] chaiNNer.worker.nodes: of a child\n" in log
    assert "1.2.3" in log and "[INFO] in the file\n" in log and "on the console" not in log
    assert sorted(path.name for path in programs.logs.iterdir()) == ["worker.1.log", "worker.log"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max_file_size", 0),
        ("max_file_size", -1),
        ("max_file_size", 2**70),
        ("max_files", -1),
        ("max_files", 10**6),
        ("max_files", -(2**70)),
        ("log_level", 2**70),
        ("color", "blue"),
    ],
)
def test_an_option_without_sense_is_named(worker, option, value):
    with pytest.raises(ValueError, match=f"{option} is .*{value}"):
        chainner_logger.setup_logger("worker", **{option: value})


def test_a_role_has_one_logger_in_the_tree_with_a_file_and_a_console(worker):
    assert isinstance(worker, logging.Logger)
    assert worker.name == "chaiNNer.worker"
    assert worker is logging.getLogger("chaiNNer.worker") is chainner_logger.get_logger("worker")
    file, console = worker.handlers
    assert not isinstance(file, logging.StreamHandler)
    assert isinstance(console, logging.StreamHandler)


def test_unknown_roles_and_folders_that_cannot_be_used_raise_with_the_value(tmp_path, worker, written):
    with pytest.raises(ValueError, match='"server".*"host" or "worker"'):
        chainner_logger.setup_logger("server")
    with pytest.raises(ValueError, match="server"):
        chainner_logger.get_logger("server")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "file"))) as raised:
        chainner_logger.setup_logger("worker", tmp_path / "file" / "logs")
    assert isinstance(raised.value, NotADirectoryError)
    with pytest.raises(ValueError, match="LOUD"):
        chainner_logger.setup_logger("worker", log_level="LOUD")
    worker.info("goes on")
    assert [each.text for each in written()] == ["goes on"]


@pytest.mark.skipif(is_windows, reason="there each name of a file is text")
def test_a_folder_whose_name_is_no_text_is_refused_by_its_name_as_any_other(programs):
    """Names may have any bytes; Python's surrogates stand for those that are no UTF-8."""
    (programs.folder / "file").touch()
    programs.run(
        """
        import sys
        from chainner_logger import setup_logger
        folder = sys.argv[1] + "/\\udcff"
        try:
            setup_logger("worker", folder)
        except NotADirectoryError as error:
            assert folder in str(error)
        else:
            raise AssertionError
        """,
        programs.folder / "file",
    )


def test_records_have_chainners_format(programs):
    output = programs.run(
        """
        import logging
        from chainner_logger import setup_logger
        logger = setup_logger("host", log_level=logging.DEBUG)
        for level in "debug", "info", "warning", "error", "critical":
            getattr(logger, level)("at %s", level)
        logger.log(15, "fifteen")
        logger.log(5, "five")
        """
    )
    records = programs.records("host")
    assert records[0].text == f"Logger initialized for host process. Log file: {programs.logs / 'host.log'}"
    assert [(each.level, each.text) for each in records[1:]] == [
        ("DEBUG", "at debug"),
        ("INFO", "at info"),
        ("WARNING", "at warning"),
        ("ERROR", "at error"),
        ("CRITICAL", "at critical"),
        ("DEBUG", "fifteen"),
    ]
    console = [f"[{each.time[11:19]}] [{each.pid}] [{each.level}] {each.text}" for each in records]
    assert output.splitlines() == console


def test_the_utc_offset_is_said_where_it_is_wanted(programs, tmp_path):
    programs.environment["TZ"] = "XST3:30"
    code = """
        import logging, sys
        from chainner_logger import get_logger_from_env, setup_logger
        logger = setup_logger("host", **eval(sys.argv[1]))
        file = logger.handlers[0]
        logger.info("first")
        file.setFormatter(logging.Formatter("own %(message)s"))
        logger.info("second")
        file.setFormatter(None)
        logger.info("third")
        """
    wanted = []
    for variable in None, "0", "1", "yes":
        for by_program in False, True:
            programs.environment.pop("CHAINNER_LOG_UTC_OFFSET", None)
            if variable is not None:
                programs.environment["CHAINNER_LOG_UTC_OFFSET"] = variable
            is_wanted = by_program if variable in (None, "yes") else variable == "1"
            programs.logs = tmp_path / f"{variable}{by_program}"
            programs.environment["CHAINNER_LOG_DIR"] = str(programs.logs)
            programs.run(code, {"utc_offset": by_program})
            log = (programs.logs / "host.log").read_text()
            has_offset = [line[23:29] == "-03:30" for line in log.splitlines() if line[0] == "2"]
            assert set(has_offset) == {is_wanted}, log
            assert len(has_offset) == (6 if variable == "yes" else 5) and "\nown second\n" in log
            assert ("CHAINNER_LOG_UTC_OFFSET=yes is ignored: it must be 0 or 1" in log) == (variable == "yes")
            wanted.append(is_wanted)
    assert wanted == [False, True, False, False, True, True, False, True]


@pytest.mark.skipif(is_windows, reason="the folder decides who may read")
def test_the_group_may_read_the_files_where_it_is_wanted(programs):
    programs.run("from chainner_logger import setup_logger; setup_logger('host'); setup_logger('worker', group_readable=True)")
    assert (programs.logs / "host.log").stat().st_mode & 0o777 == 0o600
    assert (programs.logs / "worker.log").stat().st_mode & 0o777 == 0o640


def test_dev_mode_writes_no_file(programs):
    output = programs.run(
        """
        from chainner_logger import setup_logger
        logger = setup_logger("host", dev_mode=True)
        assert len(logger.handlers) == 1
        logger.info("to the console")
        """
    )
    assert "Logger initialized for host process (dev mode - no file logging)" in output
    assert "[INFO] to the console" in output
    assert not programs.logs.exists()


def test_set_up_again_the_same_logger_changes(programs, tmp_path):
    programs.run(
        """
        import logging, sys
        from chainner_logger import logger, setup_logger
        first = setup_logger("worker")
        first.info("one")
        assert setup_logger("worker", sys.argv[1], logging.ERROR) is first
        assert first.level == logging.ERROR and len(first.handlers) == 2
        first.info("not this")
        logger.error("two")
        """,
        tmp_path / "elsewhere",
    )
    assert programs.texts() == ["one"]
    assert [each.text for each in read_role(tmp_path / "elsewhere", "worker")][1:] == ["two"]


def test_the_environment_decides_the_role_and_the_level(programs):
    programs.environment.update(CHAINNER_PROCESS_TYPE="host", CHAINNER_LOG_LEVEL="debug")
    programs.run(
        """
        from chainner_logger import get_logger_from_env
        logger = get_logger_from_env()
        assert logger.name == "chaiNNer.host"
        logger.debug("detail")
        """
    )
    assert programs.texts("host") == ["detail"]


def test_at_level_0_nothing_is_below(programs):
    programs.run(
        """
        import logging
        from chainner_logger import logger, setup_logger
        setup_logger("host", log_level=logging.NOTSET)
        logger.debug("by name")
        logger.log(1, "by number")
        """
    )
    assert programs.texts("host") == ["by name", "by number"]


def test_the_level_can_be_changed_from_any_place(programs):
    programs.run(
        """
        import logging
        from chainner_logger import logger, setup_logger
        host = setup_logger("host")
        logger.setLevel(logging.DEBUG)
        host.debug("one")
        host.setLevel("ERROR")
        logger.warning("not this")
        logger.error("two")
        """
    )
    assert programs.texts("host") == ["one", "two"]


def test_children_have_levels_of_their_own(programs):
    programs.run(
        """
        import logging
        from chainner_logger import logger, setup_logger
        early = logger.getChild("early")
        early.setLevel(logging.ERROR)
        early.info("not this")
        worker = setup_logger("worker")
        for name in "a", "b":
            for each in worker.getChild(name), logger.getChild(name):
                assert each.getEffectiveLevel() == logging.INFO
                each.setLevel("DEBUG")
                each.debug("of %s", each.name)
        early.info("nor this")
        logger.debug("nor that")
        """
    )
    assert programs.texts() == [f"of chaiNNer.worker.{name}" for name in "aabb"]


def test_two_roles_in_one_process_have_a_file_each(programs):
    programs.run(
        """
        from chainner_logger import logger, get_logger, setup_logger
        host = setup_logger("host")
        worker = get_logger("worker")
        host.info("of the host")
        worker.info("of the worker")
        logger.info("of the process")
        """
    )
    assert programs.texts("host") == ["of the host", "of the process"]
    assert programs.texts("worker") == ["of the worker"]


def test_colored_formatter_colors_on_a_terminal_and_leaves_the_record_unchanged(monkeypatch):
    formatter = chainner_logger.ColoredFormatter("%(levelname)s %(message)s")
    record = logging.LogRecord("name", logging.ERROR, "path", 1, "text", None, None)

    class Terminal:
        def isatty(self):
            return True

    assert formatter.format(record) == "ERROR text"
    monkeypatch.setattr("sys.stderr", Terminal())
    assert formatter.format(record) == "\033[31mERROR\033[0m text"
    assert record.levelname == "ERROR"
    monkeypatch.setattr("sys.stderr", None)
    assert formatter.format(record) == "ERROR text"


@pytest.mark.parametrize("variable", ["", "worker", "host", "nonsense"])
def test_the_module_logger_has_the_name_of_the_processs_role(programs, variable):
    programs.environment["CHAINNER_PROCESS_TYPE"] = variable
    output = programs.run(
        """
        import io, logging
        from chainner_logger import logger, setup_logger
        shown = io.StringIO()
        handler = logging.StreamHandler(shown)
        handler.setFormatter(logging.Formatter("%(name)s|%(message)s"))
        logger.addHandler(handler)
        child = logger.getChild("nodes")
        grandchild = child.getChild("image")
        assert logger.getChild("nodes.image") is grandchild

        def log():
            for each in logger, child, grandchild:
                each.info(each.name)
            logging.LoggerAdapter(child, {}).info(repr(child))

        log()
        worker = setup_logger("worker")
        log()
        setup_logger("host")
        logger.addHandler(handler)
        log()
        logger.getChild("worker").info("named as a role")
        print(shown.getvalue())
        """
    )
    before = "host" if variable == "host" else "worker"
    expected = []
    for role in before, "worker", "host":
        names = [f"chaiNNer.{role}", f"chaiNNer.{role}.nodes", f"chaiNNer.{role}.nodes.image"]
        expected += [f"{name}|{name}" for name in names]
        expected.append(f"chaiNNer.{role}.nodes|<ProcessLogger chaiNNer.{role}.nodes (DEBUG)>".replace("(DEBUG)", "({})"))
    expected.append("chaiNNer.host.worker|named as a role")
    lines = [line for line in output.splitlines() if "|" in line]
    assert lines == [line.format("DEBUG" if i < 4 else "INFO") for i, line in enumerate(expected)]


def test_loggers_below_a_role_by_name_write_to_its_log_and_to_the_processs_before(programs):
    programs.run(
        """
        import logging
        of_worker = logging.getLogger("chaiNNer.worker.nodes")
        from chainner_logger import get_logger, logger, setup_logger
        of_host = logging.getLogger("chaiNNer.host.nodes")
        setup_logger("host")
        of_worker.info("of the worker, which is not set up")
        of_host.info("of the host")
        get_logger("worker")
        of_worker.info("of the worker")
        """
    )
    assert programs.texts("host") == ["of the worker, which is not set up", "of the host"]
    assert programs.texts("worker") == ["of the worker"]


def test_loggers_can_be_pickled(worker):
    for each in worker, worker.getChild("nodes"), chainner_logger.logger, chainner_logger.logger.getChild("nodes"):
        assert pickle.loads(pickle.dumps(each)) is each


def test_a_pickled_module_logger_is_that_of_the_other_process(programs):
    logger = chainner_logger.logger.getChild("nodes")
    programs.run(
        f"""
        import pickle
        child = pickle.loads({pickle.dumps(logger)!r})
        from chainner_logger import logger, setup_logger
        assert child is logger.getChild("nodes")
        setup_logger("host")
        child.info("of %s", child.name)
        """
    )
    assert programs.texts("host") == ["of chaiNNer.host.nodes"]


@pytest.mark.parametrize("early", ["early", None])
def test_a_package_that_is_imported_anew_goes_on_in_the_log_with_all_that_was_there(programs, early):
    """As a test runner or a plugin's host does it: the process has one log, and one logger of each name."""
    programs.run(
        f"""
        import logging, logging.config, sys
        import chainner_logger
        before = chainner_logger.setup_logger("worker")
        chainner_logger.attach("other")
        below = chainner_logger.logger.getChild("below")
        for name in [name for name in sys.modules if name.startswith("chainner_logger")]:
            del sys.modules[name]

        import chainner_logger as anew
        from chainner_logger import attach, logger, setup_logger
        assert logger is chainner_logger.logger and anew.get_logger() is before
        if {early!r}:
            logger.info({early!r})
        setup_logger("worker").info("set up")
        attach("other")
        logging.config.dictConfig({{"version": 1, "loggers": {{"chaiNNer.worker": {{}}}}}})
        for each in logger, before, below, logging.getLogger("other"):
            each.warning("by %s", each.name)
        raise ValueError
        """,
        status=1,
    )
    by_each = [f"by {name}" for name in ("chaiNNer.worker", "chaiNNer.worker", "chaiNNer.worker.below", "other")]
    *texts, crash = programs.texts()
    assert texts == [*([early] if early else []), "set up", *by_each]
    assert crash.startswith("Uncaught exception\n")


def test_all_that_it_names_is_there():
    found = {}
    exec("from chainner_logger import *", found)
    assert {*chainner_logger.__all__, "__builtins__"} == set(found)


@pytest.mark.parametrize("first", ["pass", "import chainner_logger"])
def test_a_subinterpreter_is_told_that_it_cannot_have_it(programs, first):
    output = programs.run(
        f"""
        {first}
        try:
            import _interpreters as interpreters
        except ImportError:  # before Python 3.13
            import _xxsubinterpreters as interpreters

        code = "try: import chainner_logger\\nexcept ImportError as error: print('refused:', error, flush=True)"
        interpreters.run_string(interpreters.create(), code)
        """
    )
    assert "refused: " in output and "interpreter" in output


def test_the_version_is_the_librarys(programs):
    assert chainner_logger.__version__.count(".") == 2
