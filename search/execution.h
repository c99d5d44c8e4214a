#ifndef HALFTONE_SEARCH_EXECUTION_H_
#define HALFTONE_SEARCH_EXECUTION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/quant/executed_layers.h"
#include "profilers/network_runner.h"
#include "search/artifact_store.h"
#include "search/offer.h"
#include "search/search_spec.h"
#include "search/stage_inputs.h"

namespace halftone {

// What the target of a search says, before anything is measured, that it makes of the precisions
// that are offered, as bytes: what is stored, or else what `runner` says of the network. "" where
// it executes all as asked, and where `runner` is null: it runs no networks here.
absl::StatusOr<std::string> StateExecution(const SearchSpec& spec, const Offer& offer,
                                           const NetworkRunner* runner, StageInputs& inputs,
                                           ArtifactStore& store);

// Of such bytes. INTERNAL where they are damaged.
absl::StatusOr<ExecutedLayers> ExecutedLayersFromBytes(absl::string_view bytes);
// With what machine says so; "" for no layers.
std::string ExecutedLayersToBytes(const ExecutedLayers& layers, absl::string_view machine);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_EXECUTION_H_
