#include <exception>
#include <typeinfo>

#include "platform/crash.hpp"

#if __has_include(<cxxabi.h>)
#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#endif

namespace chainner::platform {

#if __has_include(<cxxabi.h>)

std::string current_exception_type() {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    if (type == nullptr) return "";
    int error = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &error),
                                                           &std::free);
    return name ? name.get() : type->name();
}

#else

std::string current_exception_type() {
    if (!std::current_exception()) return "";
    try {
        throw;
    } catch (const std::exception& error) {
        return typeid(error).name();
    } catch (...) {
        return "of an unknown type";
    }
}

#endif

}  // namespace chainner::platform
