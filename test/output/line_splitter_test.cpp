#include "output/line_splitter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace {

using chainner::detail::line_splitter;
using testing::Each;
using testing::ElementsAre;
using testing::Eq;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

class LineSplitter : public testing::Test {
protected:
    void add(std::string_view text) { splitter.add(text, now); }

    /// Lets time pass, and what is due come.
    void pass(std::chrono::milliseconds time) {
        now += time;
        splitter.give_if_due(now);
    }

    std::vector<std::string> take() { return std::exchange(lines, {}); }

    line_splitter::clock::time_point now{1h};
    std::vector<std::string> lines;
    line_splitter splitter{[this](std::string_view line) { lines.emplace_back(line); }};
};

TEST_F(LineSplitter, GivesEachLineOnceItEnds) {
    add("one\ntwo\n\nth");
    EXPECT_THAT(take(), ElementsAre("one", "two", ""));
    add("ree\r\nfour\r");
    EXPECT_THAT(take(), ElementsAre("three"));
    add("\n\r\n");
    EXPECT_THAT(take(), ElementsAre("four", ""));
    EXPECT_EQ(splitter.due(), std::nullopt) << "an idle process has nothing to wake up for";
}

TEST_F(LineSplitter, GivesALineWithoutAnEndAfterASecondAndThenTheRest) {
    add("Name: ");
    pass(999ms);
    EXPECT_THAT(take(), IsEmpty());
    pass(1ms);
    EXPECT_THAT(take(), ElementsAre("Name: "));
    EXPECT_EQ(splitter.due(), std::nullopt);
    add("given\n");
    EXPECT_THAT(take(), ElementsAre("given"));
    add("once");
    pass(1s);
    add("\nnext\n");
    EXPECT_THAT(take(), ElementsAre("once", "next")) << "the end of a line that was given is no line of its own";
}

TEST_F(LineSplitter, GivesTheLastStateOfAProgressBar) {
    add("\r  0%");
    add("\r 50%\r100%");
    EXPECT_THAT(take(), IsEmpty());
    add("\n");
    EXPECT_THAT(take(), ElementsAre("100%"));
    add("50%\r      \r\n");
    EXPECT_THAT(take(), ElementsAre("50%")) << "what clears the line is no state";
}

TEST_F(LineSplitter, GivesStatesOfAProgressBarOnceASecond) {
    for (int i = 0; i < 300; ++i) {
        add("\r" + std::to_string(i));
        pass(10ms);
    }
    EXPECT_THAT(take(), ElementsAre("99", "199", "299"));
    add("\n");
    EXPECT_THAT(take(), IsEmpty()) << "the last state was given";
}

TEST_F(LineSplitter, GivesStatesOfBarsBelowEachOtherOnceASecond) {
    // As tqdm draws a bar below another.
    for (int i = 0; i < 100; ++i) {
        if (i % 10 == 0) add("\rimages: " + std::to_string(i / 10));
        add("\n");
        add("\rtiles: " + std::to_string(i));
        add("\x1b[A");
        pass(25ms);
    }
    EXPECT_THAT(take(), ElementsAre("images: 0", "images: 3", "tiles: 39", "images: 7", "tiles: 79"));
    add("\rimages: 10\n");
    EXPECT_THAT(take(), IsEmpty());
    add("done\nand so on\n");
    EXPECT_THAT(take(), ElementsAre("images: 10", "tiles: 99", "done", "and so on"));
    EXPECT_EQ(splitter.due(), std::nullopt);
}

TEST_F(LineSplitter, TakesTheCursorUpSeveralRows) {
    add("\x1b[A\ra0\n\rb0\n\rc0\x1b[2A");
    pass(1s);
    EXPECT_THAT(take(), ElementsAre("a0", "b0", "c0"));
    add("\ra1\n\n\rc1\x1b[02A\ra2");
    pass(1s);
    EXPECT_THAT(take(), ElementsAre("a2", "c1"));
    add("\x1b[12A\rabove");
    for (int row = 0; row < 12; ++row) add("\n");
    add("\ra3");
    pass(1s);
    EXPECT_THAT(take(), ElementsAre("above", "a3"));
}

TEST_F(LineSplitter, TakesTheStateOfOneBarForNoOtherAndALineForTheEndOfAll) {
    add("\x1b[A\ra0\n\rb0\r\x1b[A");
    pass(1s);
    EXPECT_THAT(take(), ElementsAre("a0", "b0"));
    add("done\n\n");
    EXPECT_THAT(take(), ElementsAre("done", ""));
}

TEST_F(LineSplitter, TakesOtherEscapesForText) {
    for (const char* line : {"\x1b[31mred\x1b[0m", "\x1b[100A", "\x1b[/A", "\x1b[:A", "\x1b[2", "\x1b"}) {
        add(std::string(line) + "\n");
        EXPECT_THAT(take(), ElementsAre(line));
    }
}

TEST_F(LineSplitter, KeepsNoMoreThanAHundredBarsBelowEachOther) {
    add("\x1b[A");
    for (int row = 0; row < 100; ++row) add("\r1%\n");
    EXPECT_THAT(take(), IsEmpty());
    add("\r2%\n");
    EXPECT_THAT(take(), SizeIs(101));
}

TEST_F(LineSplitter, GivesWhatIsLeftAtTheEnd) {
    add("last words");
    splitter.give_rest();
    EXPECT_THAT(take(), ElementsAre("last words"));
    add("50%\r");
    splitter.give_rest();
    splitter.give_rest();
    EXPECT_THAT(take(), ElementsAre("50%"));
    add("\x1b[A\ra0\n\rb0");
    splitter.give_rest();
    EXPECT_THAT(take(), ElementsAre("a0", "b0"));
}

TEST_F(LineSplitter, CutsALineThatIsTooLongBetweenLetters) {
    std::string text;
    while (text.size() < 3 * line_splitter::max_size) text += "\u540d\u524d";  // six bytes
    for (std::size_t i = 0; i < text.size(); i += 1000) add(std::string_view(text).substr(i, 1000));
    EXPECT_THAT(lines, SizeIs(3));
    add("\n");
    std::string joined;
    for (const std::string& each : lines) {
        EXPECT_LE(each.size(), line_splitter::max_size);
        EXPECT_EQ(each.size() % 3, 0U);
        joined += each;
    }
    EXPECT_EQ(joined, text);
}

TEST_F(LineSplitter, HoldsHalfALetterBackForItsOtherHalf) {
    add("caf\xc3");
    pass(1s);
    EXPECT_THAT(take(), ElementsAre("caf"));
    add("\xa9\n");
    EXPECT_THAT(take(), ElementsAre("\u00e9"));
    add("a\xe5\x90\x8d");
    pass(1s);
    EXPECT_THAT(take(), ElementsAre("a\u540d")) << "nothing more is to come";
    add("b\xf0\x9f\x99");
    pass(1s);
    EXPECT_THAT(take(), ElementsAre("b"));
    add("\x82\n");
    EXPECT_THAT(take(), ElementsAre("\xf0\x9f\x99\x82"));
    add("c\xc3");
    pass(1s);
    EXPECT_THAT(take(), ElementsAre("c"));
    pass(999ms);
    EXPECT_THAT(take(), IsEmpty()) << "it has a second as well";
    pass(1ms);
    EXPECT_THAT(take(), ElementsAre("\xc3")) << "what never becomes a letter must not keep an idle process awake";
}

TEST_F(LineSplitter, KeepsNoMoreThanALine) {
    const std::string piece(1024 * 1024, 'x');
    for (int i = 0; i < 20; ++i) add(piece);
    EXPECT_THAT(lines, Each(SizeIs(line_splitter::max_size)));
    EXPECT_THAT(lines, SizeIs(20 * 16 - 1));
}

}  // namespace
