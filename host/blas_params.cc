// CLBlast's parameters of a device, which its C interface cannot tell.
#include "host/blas_params.h"

#include <clblast.h>

#include <string>
#include <unordered_map>

extern "C" long vmg_blas_param(cl_device_id device, const char *kernel, const char *name)
{
    try {
        std::unordered_map<std::string, size_t> parameters;
        if (clblast::RetrieveParameters(device, kernel, clblast::Precision::kSingle, parameters) !=
            clblast::StatusCode::kSuccess)
            return -1;
        auto found = parameters.find(name);
        return found == parameters.end() ? -1 : static_cast<long>(found->second);
    } catch (...) {
        return -1;
    }
}
