#include "platform/console.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>

#include "platform/output.hpp"
#include "platform/redirected_stream.hpp"
#include "platform/windows/handle.hpp"

namespace chainner::platform {

using namespace std::chrono_literals;

namespace {

enum class stream_kind { unknown, terminal, pipe, other };

/// Writes to the stream, and asks what it is, in a thread of its own.
///
/// Windows can make a thread wait there without end, and knows no way to ask before: while nobody reads the pipe, while
/// the user has text selected in the console, or while another thread waits there (even for GetFileType). So others
/// wait for this thread, and only so long.
class console_thread {
public:
    bool wait_until_idle(std::chrono::milliseconds longest) const noexcept {
        return WaitForSingleObject(idle_.get(), static_cast<DWORD>(longest.count())) == WAIT_OBJECT_0;
    }

    // To be called while it is idle.

    /// Returns how much of `text` it takes upon itself. Closes `stream`.
    std::size_t start(owned_handle stream, std::string_view text) noexcept {
        stream_ = std::move(stream);
        text_size_ = std::min(text.size(), text_.size());
        // Between two letters of UTF-8, as the console does not put halves of letters together.
        while (text_size_ < text.size() && text_size_ > text_.size() - 4 && (text[text_size_] & 0xc0) == 0x80)
            --text_size_;
        std::copy_n(text.begin(), text_size_, text_.begin());
        ResetEvent(idle_.get());
        SetEvent(work_.get());
        return text_size_;
    }
    std::error_code error() const noexcept { return error_; }

    // To be called at any time.

    stream_kind kind() const noexcept { return kind_; }

    /// Serves until `end`.
    void run() noexcept {
        while (WaitForSingleObject(work_.get(), INFINITE) == WAIT_OBJECT_0 && !is_ended_) {
            const std::string_view text(text_.data(), text_size_);
            if (text.empty()) {
                kind_ = kind_of(stream_.get());
            } else {
                error_ = write(text);
            }
            stream_.reset();
            SetEvent(idle_.get());
        }
    }

    void end() noexcept {
        is_ended_ = true;
        SetEvent(work_.get());
    }

private:
    static stream_kind kind_of(HANDLE stream) noexcept {
        if (shows_colours(stream) || is_msys_terminal(stream)) return stream_kind::terminal;
        return GetFileType(stream) == FILE_TYPE_PIPE ? stream_kind::pipe : stream_kind::other;
    }

    /// Colours stay on once they are: to take them back would take them from the other programs that write here. Shells
    /// set the console up anew after each program.
    static bool shows_colours(HANDLE console) noexcept {
        constexpr DWORD needed = ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING;
        DWORD mode = 0;
        return GetConsoleMode(console, &mode) != 0 &&
               ((mode & needed) == needed || SetConsoleMode(console, mode | needed) != 0);
    }

    /// The terminals of MSYS and Cygwin are pipes with a name that tells.
    static bool is_msys_terminal(HANDLE pipe) noexcept {
        if (GetFileType(pipe) != FILE_TYPE_PIPE) return false;
        struct {
            FILE_NAME_INFO info;
            std::array<wchar_t, MAX_PATH> rest;
        } name{};
        if (GetFileInformationByHandleEx(pipe, FileNameInfo, &name, sizeof name) == 0) return false;
        const std::wstring_view text(name.info.FileName, name.info.FileNameLength / sizeof(wchar_t));
        const bool is_theirs = text.rfind(L"\\msys-", 0) == 0 || text.rfind(L"\\cygwin-", 0) == 0;
        return is_theirs && text.find(L"-pty") != std::wstring_view::npos;
    }

    std::error_code write(std::string_view text) const noexcept {
        DWORD mode = 0;
        DWORD count = 0;
        if (GetConsoleMode(stream_.get(), &mode) == 0) {
            // The C runtime, not the handle, knows that a file is open for appending.
            OVERLAPPED end{};
            end.Offset = end.OffsetHigh = MAXDWORD;
            const bool is_file = GetFileType(stream_.get()) == FILE_TYPE_DISK;
            const bool done = WriteFile(stream_.get(), text.data(), static_cast<DWORD>(text.size()), &count,
                                        is_file ? &end : nullptr) != 0;
            return done ? std::error_code() : last_error();
        }
        if (text.find('\033') != std::string_view::npos) shows_colours(stream_.get());
        std::array<wchar_t, text_capacity> letters;
        const int size = MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), letters.data(),
                                             static_cast<int>(letters.size()));
        const bool done = WriteConsoleW(stream_.get(), letters.data(), static_cast<DWORD>(size), &count, nullptr) != 0;
        return done ? std::error_code() : last_error();
    }

    static constexpr std::size_t text_capacity = 4096;

    owned_handle work_{CreateEventW(nullptr, FALSE, FALSE, nullptr)};
    owned_handle idle_{CreateEventW(nullptr, TRUE, TRUE, nullptr)};
    std::atomic<bool> is_ended_{false};

    owned_handle stream_;
    std::array<char, text_capacity> text_;
    std::size_t text_size_ = 0;
    std::error_code error_;
    std::atomic<stream_kind> kind_{stream_kind::unknown};
};

class windows_console final : public console {
public:
    windows_console(standard_stream stream, console_target target) noexcept
        : stream_(redirected(stream)), target_(target) {}
    windows_console(const windows_console&) = delete;
    windows_console& operator=(const windows_console&) = delete;
    ~windows_console() override {
        if (thread_) thread_->end();
    }

    /// Tells only one kind of file from another.
    bool follow() noexcept override {
        const auto before = kind();
        std::error_code error;
        start({}, error);
        if (!error) thread_->wait_until_idle(patience);
        return kind() != before;
    }

    bool is_terminal() const noexcept override { return kind() == stream_kind::terminal; }

    std::size_t write(std::string_view text, std::error_code& error) noexcept override {
        const std::size_t taken = start(text, error);
        if (!error && thread_->wait_until_idle(patience)) error = thread_->error();
        return error ? 0 : taken;
    }

    bool is_ready() const noexcept override { return !is_closed_ && thread_ && thread_->wait_until_idle(0ms); }

    std::size_t unread() const noexcept override { return 0; }

private:
    // So long a record waits to be shown, for the order with what others write to stderr.
    static constexpr auto patience = 50ms;

    stream_kind kind() const noexcept { return thread_ ? thread_->kind() : stream_kind::unknown; }

    std::size_t start(std::string_view text, std::error_code& error) noexcept try {
        error = no_room();
        if (thread_ && !thread_->wait_until_idle(0ms)) return 0;
        owned_handle stream = is_closed_ ? nullptr : duplicate(handle_of(stream_.target(target_)));
        is_closed_ = stream == nullptr;
        error = is_closed_ ? std::make_error_code(std::errc::bad_file_descriptor) : std::error_code();
        if (is_closed_) return 0;
        if (!thread_) {
            thread_ = std::make_shared<console_thread>();
            start_thread([thread = thread_] { thread->run(); });
        }
        return thread_->start(std::move(stream), text);
    } catch (const std::exception&) {
        // Nothing can be shown without a thread.
        thread_.reset();
        error = no_room();
        return 0;
    }

    const redirected_stream& stream_;
    console_target target_;
    std::shared_ptr<console_thread> thread_;
    bool is_closed_ = false;
};

}  // namespace

std::unique_ptr<console> make_console(standard_stream stream, console_target target) {
    return std::make_unique<windows_console>(stream, target);
}

}  // namespace chainner::platform
