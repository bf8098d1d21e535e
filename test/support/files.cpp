#include "support/files.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "support/system.hpp"

namespace test {

namespace fs = std::filesystem;

temporary_directory::temporary_directory() {
    std::random_device random;
    do {
        path_ = fs::canonical(fs::temp_directory_path()) / ("chainner_logger_test." + std::to_string(random()));
    } while (!fs::create_directory(path_));
}

temporary_directory::~temporary_directory() {
    // remove_all() tries for long where a file is still open, which on Windows keeps its folder.
    std::vector<fs::path> all{path_};
    std::error_code ignored;
    for (fs::recursive_directory_iterator entry(path_, ignored), end; entry != end; entry.increment(ignored)) {
        all.push_back(entry->path());
    }
    std::for_each(all.rbegin(), all.rend(), [&](const fs::path& each) { fs::remove(each, ignored); });
}

scoped_variable::scoped_variable(std::string name, std::optional<std::string> value)
    : name_(std::move(name)), before_(get_variable(name_)) {
    set_variable(name_, value);
}

scoped_variable::~scoped_variable() { set_variable(name_, before_); }

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    std::ostringstream content;
    content << file.rdbuf();  // in large pieces, where an iterator would cost a sanitizer some calls a byte
    return content.str();
}

void write_file(const fs::path& path, std::string_view content) {
    std::ofstream file(path, std::ios::binary);
    file << content;
    if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::vector<std::string> file_names(const fs::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<fs::path> rotated_files(const fs::path& directory, const std::string& role) {
    std::map<int, fs::path, std::greater<>> by_age;
    for (const std::string& name : file_names(directory)) {
        int age = 0;
        if (name != role + ".log" && std::sscanf(name.c_str(), (role + ".%d.log").c_str(), &age) != 1) continue;
        by_age[age] = directory / name;
    }
    std::vector<fs::path> files;
    for (const auto& [age, file] : by_age) files.push_back(file);
    return files;
}

std::string read_role(const fs::path& directory, const std::string& role) {
    std::string all;
    for (const auto& file : rotated_files(directory, role)) all += read_file(file);
    return all;
}

}  // namespace test
