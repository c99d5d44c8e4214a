#ifndef HALFTONE_SERVER_SERVICES_READING_BYTES_H_
#define HALFTONE_SERVER_SERVICES_READING_BYTES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "nn/onnx/model_files.h"
#include "server/jobs/catalog.h"

namespace halftone {

// The memory that it takes to look at content of `size` bytes which somebody sent, with the content
// itself: what is to be reserved (base/memory_reservation.h) before it is loaded and read. Loads
// the content to find that out, which it does with a reservation of its own; the caller must hold
// none. Errors of the reservation, of `load`, and of content whose beginning is none.
absl::StatusOr<double> ReadingBytes(ContentKind kind, int64_t size,
                                    const std::function<absl::StatusOr<std::string>()>& load,
                                    absl::Duration patience, const Cancellation& cancellation);

// Likewise of a model of several files, in all.
double FilesReadingBytes(const std::vector<ModelFile>& files);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_READING_BYTES_H_
