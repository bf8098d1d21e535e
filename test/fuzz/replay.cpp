// Runs a fuzz target over the files of a folder, where no fuzzer is at hand.
//
//     replay FOLDER

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>

#include "support/files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** words) try {
    if (count != 2) throw std::invalid_argument("replay FOLDER");
    int inputs = 0;
    for (const auto& name : test::file_names(words[1])) {
        const std::string input = test::read_file(std::filesystem::path(words[1]) / name);
        std::cout << name << std::endl;
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
        ++inputs;
    }
    if (inputs == 0) throw std::runtime_error(std::string("no inputs in ") + words[1]);
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
