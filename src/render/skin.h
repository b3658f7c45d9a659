/* A body model's mesh in the poses of a body, ready to be drawn. */
#ifndef VMG_SRC_RENDER_SKIN_H
#define VMG_SRC_RENDER_SKIN_H

#include "src/motion/body_model.h"
#include "src/render/body.h"

typedef struct vmg_skin vmg_skin;

/* For up to n poses at once. `model` must outlive it. Error VMG_E_NOMEM. */
int vmg_skin_create(const vmg_body_model *model, int64_t n, vmg_skin **out);
void vmg_skin_free(vmg_skin *skin);

/* Pose i of the skin: frame t of the body, moved by `shift`, in colours as vmg_body_cones'. */
void vmg_skin_pose(vmg_skin *skin, int64_t i, const vmg_body *body, int64_t t,
                   const double shift[3], double pale);

/* All n poses, as surfaces that live as long as the skin. */
const vmg_surface *vmg_skin_surfaces(const vmg_skin *skin);

/* The mesh's own ground under the body: where its lowest point mostly is. */
double vmg_skin_ground(vmg_skin *skin, const vmg_body *body);

#endif
