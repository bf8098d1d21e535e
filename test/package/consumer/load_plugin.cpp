// Loads a plugin, lets it run, and unloads it, twice.
//
//     load_plugin FILE

#include <dlfcn.h>

#include <cstdio>

int main(int, char** words) {
    for (int i = 0; i < 2; ++i) {
        void* const plugin = dlopen(words[1], RTLD_NOW);
        void* const run = plugin == nullptr ? nullptr : dlsym(plugin, "run");
        if (run == nullptr) {
            std::fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        reinterpret_cast<void (*)()>(run)();
        dlclose(plugin);
    }
}
