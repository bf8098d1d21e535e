// The worker: walks a folder and logs what it finds, each thing at the level where it belongs.
//
//     worker FOLDER

#include <cerrno>
#include <chainner/logger.hpp>
#include <chainner/output_capture.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "process.hpp"

namespace {

namespace fs = std::filesystem;

// A demonstration should end before its reader goes away.
constexpr int most_entries = 200;

const std::set<fs::path> skipped_folders = {".git", "build"};
const std::set<fs::path> image_extensions = {".bmp", ".dds", ".gif", ".jpeg", ".jpg", ".png", ".tga", ".tif", ".webp"};

struct tally {
    int files = 0;
    std::uintmax_t bytes = 0;

    void add(std::uintmax_t size) {
        ++files;
        bytes += size;
    }
};

std::string first_bytes(const fs::path& path) {
    std::string bytes(512, '\0');
    std::ifstream file(path, std::ios::binary);
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.is_open() || file.bad()) {
        throw fs::filesystem_error("read", path, std::error_code(errno, std::generic_category()));
    }
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

// Width and height stand at fixed places near the start of a PNG, high byte first. Empty if it is none.
std::string png_dimensions(const std::string& start) {
    if (start.size() < 24 || start.compare(0, 8, "\x89PNG\r\n\x1a\n") != 0) return "";
    const auto number_at = [&](std::size_t position) {
        unsigned number = 0;
        for (const char byte : start.substr(position, 4)) number = number << 8 | static_cast<unsigned char>(byte);
        return std::to_string(number);
    };
    return " (" + number_at(16) + " x " + number_at(20) + ")";
}

class walker {
public:
    walker(std::shared_ptr<spdlog::logger> logger, fs::path root)
        : logger_(std::move(logger)), root_(std::move(root)) {}

    void walk() {
        visit_folder(root_);
        if (stopped_) logger_->warn("Stopped after {} entries: the rest was not looked at", most_entries);
        const auto &images = kinds_["image"], &texts = kinds_["text"], &others = kinds_["other"];
        logger_->info("Done, found:\n{:4} images {:9} bytes\n{:4} texts  {:9} bytes\n{:4} others {:9} bytes",
                      images.files, images.bytes, texts.files, texts.bytes, others.files, others.bytes);
    }

private:
    void visit_folder(const fs::path& folder) {
        const std::set<fs::directory_entry> entries{fs::directory_iterator(folder), fs::directory_iterator()};
        tally found;
        for (const auto& entry : entries) {
            if (entries_ == most_entries) {
                stopped_ = true;
                break;
            }
            ++entries_;
            try {
                visit(entry, found);
            } catch (const fs::filesystem_error& error) {
                logger_->error("Cannot read {}: {}", name(entry), error.code().message());
            }
        }
        logger_->info("{:8} bytes  {} {} in {}", found.bytes, found.files, found.files == 1 ? "file" : "files",
                      name(folder));
    }

    void visit(const fs::directory_entry& entry, tally& found) {
        if (!entry.exists()) {
            logger_->warn("Broken link: {}", name(entry));
        } else if (entry.is_regular_file()) {
            visit_file(entry, found);
        } else if (!entry.is_directory() || entry.is_symlink()) {
            logger_->debug("Not followed: {}", name(entry));
        } else if (skipped_folders.count(entry.path().filename()) != 0) {
            logger_->debug("Skipped: {}", name(entry));
        } else {
            visit_folder(entry);
        }
    }

    void visit_file(const fs::directory_entry& entry, tally& found) {
        const auto size = entry.file_size();
        const auto start = first_bytes(entry);
        const auto dimensions = png_dimensions(start);
        const bool is_image = !dimensions.empty() || image_extensions.count(entry.path().extension()) != 0;
        const bool is_text = start.find('\0') == std::string::npos;
        const std::string kind = is_image ? "image" : is_text ? "text" : "other";

        logger_->debug("{:8} bytes  {:5}  {}{}", size, kind, name(entry), dimensions);
        if (size == 0) logger_->warn("Empty file: {}", name(entry));
        kinds_[kind].add(size);
        found.add(size);
    }

    std::string name(const fs::path& path) const { return path.lexically_relative(root_).generic_u8string(); }

    const std::shared_ptr<spdlog::logger> logger_;
    const fs::path root_;
    std::map<std::string, tally> kinds_;
    int entries_ = 0;
    bool stopped_ = false;
};

}  // namespace

int main(int argument_count, char** arguments) {
    // A line a file is detail. Who wants less, or more, sets CHAINNER_LOG_LEVEL.
    chainner::logger_options options;
    options.level = spdlog::level::debug;
    options.application_version = "example 1.0";
    const auto logger = chainner::setup_logger("worker", options);
    chainner::capture_output();  // which installs the crash handler as well

    const auto paths = example::arguments_as_paths(argument_count, arguments);
    if (paths.size() != 2) {
        logger->critical("Usage: worker FOLDER");
        return 2;
    }
    try {
        // What this prints is in the log as well.
        const auto command = example::free_space_command(paths[1]);
        example::child_process(command.front(), {command.begin() + 1, command.end()}).wait();
        walker(logger, paths[1]).walk();
    } catch (const fs::filesystem_error& error) {
        logger->critical("Cannot walk {}: {}", error.path1().u8string(), error.code().message());
        return 2;
    } catch (const std::system_error& error) {
        logger->critical("Cannot ask for the free space: {}", error.what());
        return 2;
    }
}
