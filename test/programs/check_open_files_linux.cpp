// Whether this program was started with a file of a folder open: it then ends with 1.
//
//     check_open_files_linux FOLDER

#include <filesystem>
#include <iostream>
#include <string>

int main(int count, char** words) {
    if (count != 2) return 2;
    const std::string folder = std::string(words[1]) + "/";
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        const std::string file = std::filesystem::read_symlink(entry, ignored).string();
        if (file.rfind(folder, 0) != 0) continue;
        std::cerr << "open: " << file << '\n';
        return 1;
    }
}
