// Writes into a file where a logger writes that is given no folder.
//
//     write_log_directory FILE

#include <chainner/log_directory.hpp>
#include <fstream>

int main(int count, char** words) {
    if (count != 2) return 1;
    std::ofstream(words[1]) << chainner::log_directory().u8string();
}
