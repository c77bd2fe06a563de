/* Steps of flows: their verbs, modifiers and values. */
#ifndef SITE_LINTSTEP_H
#define SITE_LINTSTEP_H

#include "site/lintkind.h"

check kind_steps; /* a list of them */

#endif
